"""Thin skins between this source and other tools: each needs an extra; the shell alone imports some of them."""
