// Stands in for what the package copc brings along and the app does itself: fetching, and unpacking beside the page.
export default (): never => {
  throw new Error("not used");
};
