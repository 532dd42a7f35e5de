export const THEME_STORED = 'nftscope-theme';

/** Runs before the first paint, so that a chosen theme does not flash. */
export const THEME_SCRIPT = `try{var t=localStorage.getItem('${THEME_STORED}');if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch(e){}`;
