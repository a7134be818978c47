// A poll in which every human votes once: go run .
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"golang.org/x/crypto/sha3"
)

const (
	app    = "app_polls"
	action = "mayor-2026"
)

type vote struct {
	Choice string                     `json:"choice"`
	Proof  map[string]json.RawMessage `json:"proof"`
}

type refusal struct {
	Code    string `json:"code"`
	Results []struct {
		Code string `json:"code"`
	} `json:"results"`
}

// signalHash is World ID's hash of a signal: Keccak-256, shifted right by eight bits.
func signalHash(signal string) string {
	hash := sha3.NewLegacyKeccak256()
	hash.Write([]byte(signal))
	return "0x00" + hex.EncodeToString(hash.Sum(nil)[:31])
}

func reply(w http.ResponseWriter, status int, key, value string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{key: value})
}

// body is the holder's proof with what is ours: what is counted is what was proved.
func body(v vote) ([]byte, bool) {
	var responses []map[string]json.RawMessage
	if json.Unmarshal(v.Proof["responses"], &responses) != nil || len(responses) != 1 || responses[0] == nil {
		return nil, false
	}
	responses[0]["signal_hash"], _ = json.Marshal(signalHash(v.Choice))
	v.Proof["responses"], _ = json.Marshal(responses)
	v.Proof["action"], _ = json.Marshal(action)
	text, err := json.Marshal(v.Proof)
	return text, err == nil
}

func main() {
	server, port := os.Getenv("PERSONHOOD_URL"), os.Getenv("PORT")
	if server == "" {
		server = "http://127.0.0.1:8080"
	}
	if port == "" {
		port = "3003"
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	http.HandleFunc("/vote", func(w http.ResponseWriter, r *http.Request) {
		var v vote
		if r.Method != http.MethodPost || json.NewDecoder(http.MaxBytesReader(w, r.Body, 32<<10)).Decode(&v) != nil {
			reply(w, http.StatusBadRequest, "code", "invalid_request")
			return
		}
		text, ok := body(v)
		if (v.Choice != "yes" && v.Choice != "no") || !ok {
			reply(w, http.StatusBadRequest, "code", "invalid_request")
			return
		}
		answer, err := client.Post(server+"/api/v4/verify/"+app+"?on_reuse=reject", "application/json", bytes.NewReader(text))
		if err != nil {
			reply(w, http.StatusServiceUnavailable, "code", "verifier_unreachable")
			return
		}
		defer answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			reply(w, http.StatusOK, "counted", v.Choice)
			return
		}
		var said refusal
		if json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&said) != nil {
			reply(w, http.StatusServiceUnavailable, "code", "verifier_unreachable")
			return
		}
		code := said.Code
		if len(said.Results) > 0 {
			code = said.Results[0].Code
		}
		switch {
		case code == "nullifier_replayed":
			reply(w, http.StatusConflict, "code", code)
		case answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests:
			reply(w, http.StatusServiceUnavailable, "code", code)
		default:
			reply(w, http.StatusBadRequest, "code", code)
		}
	})
	log.Printf("listening on %s", port)
	log.Fatal((&http.Server{Addr: "127.0.0.1:" + port, ReadTimeout: 10 * time.Second}).ListenAndServe())
}
