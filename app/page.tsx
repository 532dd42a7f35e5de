export default function Home() {
  return (
    <main>
      <h1>nftscope</h1>
    </main>
  );
}
