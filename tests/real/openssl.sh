# needs: openssl
# quick
# trace: folded
# Digests, keys and certificates, a TLS server and client, and a short benchmark with two processes.
openssl speed -seconds 1 -bytes 1024 -multi 2 sha256 2>&1 | sed -E 's/[0-9]+(\.[0-9]+)?k?/N/g' | grep -E '^(sha256|Got)' | tr -s ' ' | sort -u
head -c 100000 /dev/zero | openssl dgst -sha512
printf 'secret' | openssl enc -aes-256-cbc -pbkdf2 -S 0011223344556677 -k key -base64
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key 2>/dev/null
openssl req -new -x509 -key key -subj /CN=localhost -days 30 -out cert
openssl x509 -in cert -noout -subject
openssl verify -CAfile cert cert
echo text >text
openssl dgst -sha256 -sign key -out signature text
openssl x509 -in cert -noout -pubkey >public
openssl dgst -sha256 -verify public -signature signature text
openssl s_server -quiet -unix "$PWD/s" -key key -cert cert -rev >/dev/null 2>&1 </dev/null &
server=$!
trap 'kill $server' EXIT
while [ ! -S s ]; do sleep 0.05; done
{ echo hello; sleep 0.5; } | openssl s_client -quiet -no_ign_eof -unix "$PWD/s" -CAfile cert -verify_return_error 2>/dev/null || true
trap - EXIT
{ kill $server; wait $server; } 2>/dev/null || echo "status $?" # the shell may say that it ended
openssl rand -hex 16 | wc -c
rm -f key cert public signature s
