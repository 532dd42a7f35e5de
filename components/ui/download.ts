/** Gives a text as a file of this browser. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name.replaceAll('/', '_');
  link.click();
  URL.revokeObjectURL(url);
}
