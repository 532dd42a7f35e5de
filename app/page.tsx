import { redirect } from 'next/navigation';

/** The heart of nftscope is the home page until there is more than one node to compare. */
export default function Home() {
  redirect('/trace');
}
