# needs: java
# Threads, garbage collection, files, a process, NIO.  From source, so that the
# compiler (a large program) runs too.
java --list-modules 2>/dev/null | grep -q jdk.compiler || exit 0
cat >T.java <<'J'
import java.io.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class T {
	static long work(int seed) {
		Random r = new Random(seed);
		long sum = 0;
		for (int i = 0; i < 20000; i++) {
			byte[] b = new byte[r.nextInt(1000) + 1];
			b[b.length - 1] = (byte) i;
			sum += b[b.length - 1] + b.length;
		}
		return sum;
	}
	public static void main(String[] args) throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(8);
		List<Future<Long>> all = new ArrayList<>();
		for (int i = 0; i < 40; i++) {
			int seed = i;
			all.add(pool.submit(() -> work(seed)));
		}
		long sum = 0;
		for (Future<Long> f : all)
			sum += f.get();
		pool.shutdown();
		System.out.println("pool " + sum);
		AtomicInteger n = new AtomicInteger();
		Object lock = new Object();
		Thread[] ts = new Thread[16];
		int[] plain = new int[1];
		for (int i = 0; i < ts.length; i++) {
			ts[i] = new Thread(() -> {
				for (int k = 0; k < 2000; k++) {
					n.incrementAndGet();
					synchronized (lock) { plain[0]++; }
				}
			});
			ts[i].start();
		}
		for (Thread t : ts)
			t.join();
		System.out.println("threads " + n + " " + plain[0]);
		Path p = Paths.get("data");
		try (FileChannel c = FileChannel.open(p, StandardOpenOption.CREATE,
				StandardOpenOption.READ, StandardOpenOption.WRITE)) {
			MappedByteBuffer m = c.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
			for (int i = 0; i < 1 << 20; i += 4)
				m.putInt(i, i);
			m.force();
			try (FileLock l = c.lock()) {
				System.out.println("lock " + l.isValid());
			}
		}
		byte[] back = Files.readAllBytes(p);
		System.out.println("map " + back.length + " " + ByteBuffer.wrap(back).getInt(4096));
		Process pr = new ProcessBuilder("sh", "-c", "read x; echo got $x; exit 5").start();
		pr.getOutputStream().write("line\n".getBytes());
		pr.getOutputStream().close();
		System.out.println(new BufferedReader(new InputStreamReader(pr.getInputStream())).readLine()
			+ " " + pr.waitFor());
		Pipe pipe = Pipe.open();
		Selector sel = Selector.open();
		pipe.source().configureBlocking(false);
		pipe.source().register(sel, SelectionKey.OP_READ);
		System.out.println("empty " + sel.selectNow());
		pipe.sink().write(ByteBuffer.wrap(new byte[] { 1 }));
		System.out.println("select " + sel.select(100000));
		try { Object o = null; o.hashCode(); }
		catch (NullPointerException e) { System.out.println("npe"); }
		try { deep(0); }
		catch (StackOverflowError e) { System.out.println("stack"); }
		try { long[][] hog = new long[1000][]; for (int i = 0; ; i++) hog[i] = new long[1 << 20]; }
		catch (OutOfMemoryError e) { System.out.println("memory"); }
		Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
		System.exit(3);
	}
	static int deep(int n) { return deep(n + 1) + 1; }
}
J
java -Xmx64m T.java
echo "status $?"
