//go:build !asan && !race

package storage

const checkedBuild = false
