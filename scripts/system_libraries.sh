#!/usr/bin/env bash
# Install the libraries that a window needs, on Debian as root; elsewhere say in one line what to install.
set -u
[ "$(uname -s)" = Linux ] || exit 0
packages=(xvfb xauth libgl1 libgl1-mesa-dri libegl1 libopengl0 libglib2.0-0 libdbus-1-3 libfontconfig1
  libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0
  libxcb-shape0 libxcb-xfixes0 libxcb-xinerama0 libxcb-xinput0 libxcb-xkb1)
if ! command -v dpkg-query >/dev/null; then
  command -v xvfb-run >/dev/null || echo "Install xvfb, Mesa's OpenGL and the xcb libraries that Qt needs." >&2
  exit 0
fi
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ]; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null && exit 0
fi
echo "Missing system libraries; install them with: sudo apt-get install ${missing[*]}" >&2
