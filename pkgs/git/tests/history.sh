# A commit, a clone over the file protocol, and a search in it.
set -eu
check() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected \`$2\`, got \`$3\`" >&2
		exit 1
	fi
}
cd "$(mktemp -d)"
export HOME=$PWD GIT_AUTHOR_DATE="2000-01-01T00:00:00Z" GIT_COMMITTER_DATE="2000-01-01T00:00:00Z"
check version "git version $VERSION" "$(git --version)"
git config --global user.name Test
git config --global user.email test@example.org
git init -q -b main a
echo text > a/file
git -C a add file
git -C a commit -q -m first
git clone -q "file://$PWD/a" b
check clone text "$(cat b/file)"
check commit "$(git -C a rev-parse HEAD)" "$(git -C b rev-parse HEAD)"
check search "file:text" "$(git -C b grep -P 't(?=ext)')"
check fsck "" "$(git -C b fsck 2>&1)"
