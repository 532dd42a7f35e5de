// Stands in for `server-only` in vitest.
export {};
