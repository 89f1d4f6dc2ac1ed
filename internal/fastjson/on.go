//go:build !smooch_slowjson

package fastjson

const off = false
