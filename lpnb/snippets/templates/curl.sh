#!/usr/bin/env bash
# Open a conversation through LivePerson's Connector API.
set -euo pipefail
: "${LP_ACCOUNT_ID:?}" "${LP_CLIENT_ID:?}" "${LP_CLIENT_SECRET:?}"
API=${LP_DOMAIN_API:-@{api}}
THIS_MACHINE='^https?://(127[.]0[.]0[.]1|localhost|[[]::1])(:[0-9]+)?$'
HTTPS='^https://[A-Za-z0-9.-]+(:[0-9]+)?$'
[[ $API =~ $THIS_MACHINE || $API =~ $HTTPS ]] || {
  echo 'LP_DOMAIN_API must be https; plain http is for this machine only.' >&2; exit 1
}

# The text of one field of a JSON reply.
field() { tr -d '\n' | sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p'; }

# Where a service is, if it may get a token: this machine names only itself, others LivePerson's hosts.
LIVEPERSON='^([a-z0-9-]+[.])+(liveperson|lpsnmedia)[.]net(:443)?$'
TRUSTED=" $(printf %s "${LP_TRUSTED_HOSTS:-}" | tr 'A-Z,\n\t' 'a-z   ') "
origin() {
  local host
  host=$(curl -fsS "$API/api/account/$LP_ACCOUNT_ID/service/$1/baseURI.json?version=1.0" | field baseURI)
  if [[ $API =~ $THIS_MACHINE ]]; then
    [[ $host == "${API#*://}" ]]
  else
    [[ $host =~ $LIVEPERSON ]] || [[ $host =~ ^[a-z0-9.:-]+$ && $TRUSTED == *" $host "* ]]
  fi || {
    printf 'The Domain API names %q for %s, which may get no token.\n' "$host" "$1" >&2
    exit 1
  }
  printf '%s://%s' "${API%%://*}" "$host"
}
SENTINEL=$(origin sentinel)
IDP=$(origin idp)
MESSAGING=$(origin asyncMessagingEnt)

# The AppJWT says which connector is calling. <(...) keeps secret and tokens off the command line.
APP_JWT=$(curl -fsS "$SENTINEL/sentinel/api/account/$LP_ACCOUNT_ID/app/token?v=1.0" \
  --data-urlencode "client_id=$LP_CLIENT_ID" \
  --data-urlencode client_secret@<(printf %s "$LP_CLIENT_SECRET") \
  -d grant_type=client_credentials | field access_token)

# The ConsumerJWS says for which consumer.
CONSUMER_JWS=$(curl -fsS "$IDP/api/account/$LP_ACCOUNT_ID/consumer?v=1.0" \
  -H 'Content-Type: application/json' -H @<(printf 'Authorization: %s\n' "$APP_JWT") \
  --data-raw @{identity} | field token)

# No answer does not mean that there is no conversation: look before you send this again.
@{before}curl -sS "$MESSAGING/api/account/$LP_ACCOUNT_ID/messaging/consumer/conversation?v=3" \
  -H 'Content-Type: application/json'@{header} \
  -H @<(printf 'Authorization: %s\nX-LP-ON-BEHALF: %s\n' "$APP_JWT" "$CONSUMER_JWS") \
  @{data}
