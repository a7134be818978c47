"""A poll in which every human votes once: uvicorn server:app --port 3002"""

import os
from typing import Literal

import httpx
from Crypto.Hash import keccak
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

PERSONHOOD_URL = os.environ.get("PERSONHOOD_URL", "http://127.0.0.1:8080")
APP = "app_polls"
ACTION = "mayor-2026"

app = FastAPI()


class Proof(BaseModel):
    protocol_version: str
    nonce: str | None = None
    responses: list[dict[str, str | int]] = Field(min_length=1, max_length=1)


class Vote(BaseModel):
    choice: Literal["yes", "no"]
    proof: Proof


def signal_hash(signal: str) -> str:
    """World ID's hash of a signal: Keccak-256, shifted right by eight bits."""
    return "0x00" + keccak.new(digest_bits=256, data=signal.encode()).hexdigest()[:62]


def refused(status: int, code: str) -> JSONResponse:
    return JSONResponse({"code": code}, status)


@app.exception_handler(RequestValidationError)
async def malformed(_request, _error):
    return refused(400, "invalid_request")


@app.post("/vote")
async def vote(vote: Vote):
    # What is counted is what was proved: the action and the hash are ours, whatever the holder wrote.
    responses = [one | {"signal_hash": signal_hash(vote.choice)} for one in vote.proof.responses]
    body = vote.proof.model_dump(exclude_none=True) | {"action": ACTION, "responses": responses}
    try:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            answer = await client.post(f"{PERSONHOOD_URL}/api/v4/verify/{APP}?on_reuse=reject", json=body)
        said = answer.json()
    except (httpx.HTTPError, ValueError):
        return refused(503, "verifier_unreachable")
    if answer.status_code == 200:
        return {"counted": vote.choice}
    results = said.get("results") or [{}]
    code = results[0].get("code") or said.get("code")
    if code == "nullifier_replayed":
        return refused(409, code)
    return refused(503 if answer.status_code >= 500 or answer.status_code == 429 else 400, code)
