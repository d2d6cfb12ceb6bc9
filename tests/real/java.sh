# needs: java javac
# seconds: 120
# trace: folded
# The compiler, threads, garbage collections, a null pointer (a SIGSEGV that it handles), a child process.
java -version 2>&1 | sed 's/(.*//'
cat >Program.java <<'J'
import java.util.*; import java.util.concurrent.*; import java.util.stream.*; import java.nio.file.*; import java.net.*; import java.io.*;
public class Program {
    static String nothing;
    public static void main(String[] a) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<Long>> l = new ArrayList<>();
        for (int i = 0; i < 32; i++) { final int k = i; l.add(pool.submit(() -> LongStream.range(0, 100000).map(x -> x * k).sum())); }
        long sum = 0; for (Future<Long> f : l) sum += f.get(); pool.shutdown();
        System.out.println(sum);
        System.out.println(IntStream.range(0, 100000).parallel().mapToObj(Integer::toString).mapToInt(String::length).sum());
        int caught = 0; for (int i = 0; i < 20000; i++) try { caught += nothing.length(); } catch (NullPointerException e) { caught++; }
        System.out.println(caught);
        try { deep(0); } catch (StackOverflowError e) { System.out.println("stack overflow"); }
        for (int i = 0; i < 200; i++) { byte[][] g = new byte[50][]; for (int k = 0; k < 50; k++) g[k] = new byte[10000]; } System.gc();
        Process p = new ProcessBuilder("sh", "-c", "cat; exit 3").start();
        p.getOutputStream().write("child".getBytes()); p.getOutputStream().close();
        System.out.println(new String(p.getInputStream().readAllBytes()) + p.waitFor());
        ServerSocket s = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        new Thread(() -> { try (Socket c = s.accept()) { c.getOutputStream().write("tcp".getBytes()); } catch (IOException e) { } }).start();
        try (Socket c = new Socket(s.getInetAddress(), s.getLocalPort())) { System.out.println(new String(c.getInputStream().readAllBytes())); }
        Files.writeString(Path.of("file"), "x".repeat(1000));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("end")));
        System.exit(7);
    }
    static int deep(int n) { return deep(n + 1) + 1; }
}
J
javac Program.java
for gc in Serial Parallel G1; do
    java -Xmx64m -Xshare:auto -XX:+Use${gc}GC Program || echo "status $?"
done
rm ./*.class
