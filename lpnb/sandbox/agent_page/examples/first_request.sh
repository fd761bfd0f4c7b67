BASE=@{base}
JWT=$(curl -s "$BASE/sentinel/api/account/@{account}/app/token?v=1.0" \
  -d client_id=@{client_id_quoted} \
  -d client_secret=@{client_secret_quoted} \
  -d grant_type=client_credentials | cut -d'"' -f4)
JWS=$(curl -s "$BASE/api/account/@{account}/consumer?v=1.0" -H "Authorization: $JWT" \
  -H 'Content-Type: application/json' -d '{"ext_consumer_id":"anna-1"}' | cut -d'"' -f4)
curl "$BASE/api/account/@{account}/messaging/consumer/conversation?v=3" \
  -H "Authorization: $JWT" -H "X-LP-ON-BEHALF: $JWS" -H 'Content-Type: application/json' -d '[
  {"kind":"req","id":"1","type":"userprofile.SetUserProfile","body":{"authenticatedData":{"lp_sdes":[
    {"type":"personal","personal":{"firstname":"Anna","lastname":"Example"}},
    {"type":"ctmrinfo","info":{"ctype":"vip","customerId":"138766AC"}}]}}},
  {"kind":"req","id":"2","type":"cm.ConsumerRequestConversation","body":{"brandId":"@{account}"}}]'
