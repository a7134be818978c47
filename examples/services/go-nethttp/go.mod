module personhood.example/poll

go 1.19

require golang.org/x/crypto v0.17.0

require golang.org/x/sys v0.15.0 // indirect
