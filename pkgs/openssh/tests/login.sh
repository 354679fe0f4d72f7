# A server of this user's own lets him in by key, and copies a file.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
ssh -V 2>&1 | grep -q "^OpenSSH_$(echo "$VERSION" | tr -d _)"
ssh-keygen -q -t ed25519 -N "" -f host
ssh-keygen -q -t ed25519 -N "" -f me
cp me.pub allowed
cat > sshd_config << END
Port 2222
ListenAddress 127.0.0.1
HostKey $PWD/host
PidFile none
AuthorizedKeysFile $PWD/allowed
StrictModes no
PasswordAuthentication no
Subsystem sftp internal-sftp
END
echo "[127.0.0.1]:2222 $(cut -d " " -f 1,2 host.pub)" > known
/usr/sbin/sshd -D -e -f "$PWD/sshd_config" > log 2>&1 &
go() {
	program=$1
	shift
	"$program" -F none -i "$PWD/me" -o UserKnownHostsFile="$PWD/known" -o StrictHostKeyChecking=yes -o BatchMode=yes "$@"
}
for attempt in 1 2 3 4 5 6 7 8 9 10; do go ssh -p 2222 127.0.0.1 true 2> /dev/null && break; sleep 1; done
check command 42 "$(go ssh -p 2222 127.0.0.1 "echo 42" || cat log)"
echo text > file
go scp -q -P 2222 file "127.0.0.1:$PWD/copy"
check copy text "$(cat copy)"
kill $!
