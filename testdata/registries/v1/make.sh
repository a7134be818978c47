#!/bin/sh
# Makes the registry of this folder with the program of the release that is to be frozen: make.sh PROGRAM EYES FOLDER
set -eu
program=$1 eyes=$2 folder=$3
commitment() { printf '%02x%062d' "$1" 0; }
"$program" init --registry "$folder" --layout 200
for person in 1 2 3; do
    "$program" enroll --registry "$folder" --commitment "$(commitment "$person")" --valid-days 3650 \
        --left "$eyes/person-0$person/left-1.png" --right "$eyes/person-0$person/right-1.png"
done
"$program" enroll --registry "$folder" --commitment "$(commitment 4)" --one-eye --left "$eyes/person-04/left-1.png"
# A duplicate, somebody who is who they say, and somebody who is not.
"$program" enroll --registry "$folder" --commitment "$(commitment 9)" \
    --left "$eyes/person-02/left-2.png" --right "$eyes/person-02/right-2.png" || test $? = 1
"$program" authenticate --registry "$folder" --person 3 --left "$eyes/person-03/left-2.png"
"$program" authenticate --registry "$folder" --person 3 --left "$eyes/person-01/left-2.png" || test $? = 1
