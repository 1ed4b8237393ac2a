# needs: go
# A goroutine program: the scheduler's signals, timers, pipes, processes.
export GOCACHE=$PWD/cache GOPATH=$PWD/go GOFLAGS=-mod=mod GO111MODULE=off CGO_ENABLED=0
cat >t.go <<'G'
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func spin(stop *int32) {
	for atomic.LoadInt32(stop) == 0 {
	}
}

func main() {
	var wg sync.WaitGroup
	var n int64
	for i := 0; i < 1000; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for k := 0; k < 100; k++ {
				atomic.AddInt64(&n, 1)
				runtime.Gosched()
			}
		}()
	}
	wg.Wait()
	fmt.Println("goroutines", n)
	c := make(chan int)
	go func() {
		for i := 0; i < 10000; i++ {
			c <- i
		}
		close(c)
	}()
	sum := 0
	for v := range c {
		sum += v
	}
	fmt.Println("channel", sum)
	var stop int32
	for i := 0; i < 4; i++ {
		go spin(&stop)
	}
	time.Sleep(20 * time.Millisecond)
	runtime.GC()
	atomic.StoreInt32(&stop, 1)
	fmt.Println("preempted")
	s := make(chan os.Signal, 1)
	signal.Notify(s, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-s)
	out, err := exec.Command("sh", "-c", "echo child; exit 4").Output()
	fmt.Printf("%q %v\n", out, err)
	r, w, _ := os.Pipe()
	go func() { fmt.Fprint(w, "through"); w.Close() }()
	b, _ := io.ReadAll(r)
	fmt.Println(string(b))
	func() {
		defer func() { fmt.Println("recovered", recover()) }()
		var p *int
		*p = 1
	}()
	select {
	case <-time.After(30 * time.Millisecond):
		fmt.Println("timer")
	case <-c:
		for {
			time.Sleep(time.Millisecond)
			if runtime.NumGoroutine() < 3 {
				break
			}
		}
		fmt.Println("closed")
	}
	var mem [][]byte
	for i := 0; i < 200; i++ {
		mem = append(mem[:i%20], make([]byte, 1<<20))
	}
	fmt.Println(len(mem) > 0)
	os.Exit(7)
}
G
go build -o t t.go 2>&1 | head -5
./t
echo "status $?"
