var e=n=>n!=="accepted"&&n!=="running";export{e as a};
