import type { Metadata } from 'next';
import { connection } from 'next/server';
import type { ReactNode } from 'react';
import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'nftscope', template: '%s · nftscope' },
  description: "What this node's nftables do to a packet, and why.",
};

export default async function RootLayout({ children }: { readonly children: ReactNode }) {
  // Pages are rendered per request: the nonce of the content security policy (proxy.ts) differs each time.
  await connection();
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
