# needs: cargo rustc gcc
# seconds: 180
# trace: folded
# rustc with its threads of LLVM, and cargo without a network; the program has threads and panics.
mkdir -p project/src
cat >project/Cargo.toml <<'R'
[package]
name = "program"
version = "0.1.0"
edition = "2021"
R
cat >project/src/main.rs <<'R'
use std::{collections::HashMap, process::Command, sync::{mpsc, Arc, Mutex}, thread};
fn main() {
    let table = Arc::new(Mutex::new(HashMap::new()));
    let threads: Vec<_> = (0..8).map(|i| { let t = table.clone(); thread::spawn(move || for k in 0..1000 { *t.lock().unwrap().entry(k % 10).or_insert(0) += i; }) }).collect();
    for t in threads { t.join().unwrap(); }
    let mut v: Vec<_> = table.lock().unwrap().iter().map(|(k, v)| (*k, *v)).collect(); v.sort(); println!("{:?}", v);
    let (tx, rx) = mpsc::channel(); for i in 0..4 { let tx = tx.clone(); thread::spawn(move || tx.send(i).unwrap()); } drop(tx);
    println!("{}", rx.iter().sum::<i32>());
    let out = Command::new("sh").arg("-c").arg("echo child; exit 3").output().unwrap(); println!("{:?}", out);
    println!("{:?}", std::panic::catch_unwind(|| { let v: Vec<i32> = vec![]; v[0] }).is_err());
    println!("{:?}", thread::spawn(|| panic!("thread")).join().is_err());
    std::process::exit(5)
}
#[test] fn works() { assert_eq!(2 + 2, 4); }
#[test] fn fails() { assert_eq!(2 + 2, 5); }
R
cd project
export CARGO_HOME=$HOME/cargo CARGO_TERM_COLOR=never
cargo build --offline --release -j 2 2>&1 | sed 's/ in [0-9.]*s//'
./target/release/program 2>/dev/null || echo "status $?"
cargo test --offline 2>/dev/null | sed 's/in [0-9.]*s//' | grep -vE 'Running|^$' | sort || true
rm -rf target
