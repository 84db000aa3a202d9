/** How conch's temporary folders inside a repository start (used only where no place beside it can be). */
export const temporaryPrefix = '.conch-tmp-';
