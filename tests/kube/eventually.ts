/** Waits until something holds. It has no time of its own: what never comes ends with the test's limit. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
