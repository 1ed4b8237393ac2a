# needs: sha256sum
bash -c 'for i in $(seq 50); do echo $i | sha256sum; done | sort | uniq -c | wc -l'
