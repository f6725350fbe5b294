// Looking again and again while the page is seen; the connections of a browser are few, so no open streams.

/** Calls `look` now and `seconds` after it ended, until it says false or the returned function is called. */
export function follow(look: () => Promise<boolean>, seconds: number): () => void {
  let timer: number | undefined;
  let isOver = false;
  const again = async (): Promise<void> => {
    if (!document.hidden && !(await look())) isOver = true;
    if (!isOver) timer = window.setTimeout(() => void again(), seconds * 1000);
  };
  void again();
  return () => {
    isOver = true;
    window.clearTimeout(timer);
  };
}
