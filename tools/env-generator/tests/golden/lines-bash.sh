export EMPTY=''
export KEY='-----BEGIN-----
  $x \n '\''q'\''

-----END-----
'
export LOG_LEVEL='info'
export MOTTO='it'\''s 100% [done] | "so" $HOME \ # no'
