/**
 * What only a screen reader or a tooltip says, in one place: names of regions, figures and controls, and announcements.
 * What everybody reads stands where it is shown.
 */
export const STRINGS = {
  skip: 'Skip to the view',
  brand: 'nftscope, start',
  views: 'Views',
  source: 'Source',
  node: 'Node',
  search: 'Search the ruleset',
  theme: 'Theme',
  keys: 'Keyboard shortcuts',
  openFile: 'Open a capture or an nft -j listing',
  opened: (name: string) => `${name} opened`,
  copied: (what: string) => `${what} copied`,
  copyFailed: (what: string) => `${what} could not be copied`,
} as const;
