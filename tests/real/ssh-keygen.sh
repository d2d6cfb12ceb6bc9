# needs: ssh-keygen ssh-agent ssh-add
# quick
# Keys of three kinds: made, signed with, verified, certified; an agent that runs a command.
for kind in ed25519 rsa ecdsa; do
    ssh-keygen -q -t $kind -N '' -C comment -f $kind
    echo "file" >text
    ssh-keygen -q -Y sign -f $kind -n file text 2>/dev/null
    echo "me $(cat $kind.pub)" >allowed
    ssh-keygen -Y verify -f allowed -I me -n file -s text.sig <text | sed 's/SHA256:.*//'
    echo other | ssh-keygen -Y verify -f allowed -I me -n file -s text.sig >/dev/null 2>&1 || echo "status $?"
    rm text.sig
    ssh-keygen -y -f $kind | cut -d' ' -f1
done
ssh-keygen -q -t ed25519 -N '' -C '' -f ca
ssh-keygen -q -s ca -I id -n user ed25519.pub 2>/dev/null
ssh-keygen -L -f ed25519-cert.pub | grep -cE 'Type|Signing|user'
eval "$(ssh-agent)" >/dev/null
ssh-add -q ed25519 2>/dev/null
ssh-add -l | wc -l
ssh-agent -k >/dev/null
rm -f ./*
