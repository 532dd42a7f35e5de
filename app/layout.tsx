import type { Metadata, Viewport } from 'next';
import { headers } from 'next/headers';
import type { ReactNode } from 'react';
import { Providers } from '@/components/shell/providers';
import { Shell } from '@/components/shell/shell';
import { THEME_SCRIPT } from '@/components/shell/theme-script';
import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'nftscope', template: '%s · nftscope' },
  description: "What this node's nftables do to a packet, and why.",
};

export const viewport: Viewport = {
  width: 'device-width',
  initialScale: 1,
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#ffffff' },
    { media: '(prefers-color-scheme: dark)', color: '#17191d' },
  ],
};

export default async function RootLayout({ children }: { readonly children: ReactNode }) {
  // Reading the header makes pages render per request: the nonce of the content security policy (proxy.ts) differs each time.
  const nonce = (await headers()).get('x-nonce') ?? undefined;
  return (
    // The theme script sets data-theme before React sees the page.
    <html lang="en" suppressHydrationWarning>
      <head>
        {/* Browsers hide a nonce from scripts, so React would report a difference. */}
        <script nonce={nonce} suppressHydrationWarning>
          {THEME_SCRIPT}
        </script>
      </head>
      <body>
        <Providers nonce={nonce}>
          <Shell>{children}</Shell>
        </Providers>
      </body>
    </html>
  );
}
