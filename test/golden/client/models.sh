#!/bin/sh
# Written by `conch client generate --language curl` from a model repository.
url=${1:-http://127.0.0.1:8000}

# class
curl -sS --fail-with-body "$url/v2/models/class/infer" -H 'Content-Type: application/json' --data-binary @- <<JSON
{"parameters":{"sequence_id":1,"sequence_start":true,"sequence_end":true},"inputs":[{"name":"image data","datatype":"FP32","shape":[1,1,1,3],"data":[0.5,0.5,0.5]}]}
JSON
echo

# count: any number of responses
curl -sS --fail-with-body "$url/v2/models/count/generate_stream" -H 'Content-Type: application/json' --data-binary @- <<JSON
{"N":1}
JSON
echo

# every-type.v2: its input 'in_float16' is FP16, which JSON does not carry; use --language python

# mlp
curl -sS --fail-with-body "$url/v2/models/mlp/infer" -H 'Content-Type: application/json' --data-binary @- <<JSON
{"inputs":[{"name":"x","datatype":"FP32","shape":[1,10],"data":[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5]}]}
JSON
echo
