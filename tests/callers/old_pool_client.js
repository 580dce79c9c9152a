// How JavaScript services of the older pools call one: axios, 30 s, no key, no idempotency header.
// An error's text is looked for in `detail`, then `error`, then axios's own message.
"use strict";

const PERMANENT = [
    "insufficient free margin", "not enough money", "margin call", "account disabled",
    "symbol not found", "invalid volume", "market closed",
];
const RETRY = [
    "timeout", "etimedout", "econnrefused", "econnreset", "connection refused", "no response",
    "socket hang up", "network", "esockettimedout", "position not found",
];

function textOf(error) {
    const body = error.response && error.response.data;
    return (body && (body.detail || body.error)) || error.message;
}

// What a copier does next with a failure of this text.
function kindOf(text) {
    const lower = text.toLowerCase();
    if (PERMANENT.some((word) => lower.includes(word))) return "permanent";
    return RETRY.some((word) => lower.includes(word)) ? "retry" : "permanent";
}

class OldPoolClient {
    constructor(axios, baseURL, environment = "demo") {
        this.environment = environment;
        this.http = axios.create({
            baseURL,
            timeout: 30000,
            headers: { "Content-Type": "application/json" },
        });
    }

    async getAccountInfo(accountId) {
        return this.read(`/account/${accountId}`);
    }

    async getPositions(accountId) {
        const body = await this.read(`/positions/${accountId}`);
        return body.positions || body;
    }

    async getPrice(symbol) {
        return this.read(`/prices/${symbol}`);
    }

    async getAccountMetrics(accountId) {
        return this.read(`/accounts/${accountId}/metrics`);
    }

    async healthCheck() {
        return (await this.http.get("/health")).data;
    }

    async executeTrade(accountId, trade) {
        return this.write("/trade/execute", { account_id: accountId, ...trade });
    }

    async placeLimitOrder(accountId, order) {
        return this.write("/trade/limit", { account_id: accountId, ...order });
    }

    async cancelOrder(accountId, orderId) {
        return this.write("/order/cancel", { account_id: accountId, order_id: orderId });
    }

    async modifyPosition(accountId, positionId, stopLoss, takeProfit) {
        return this.write("/position/modify", {
            account_id: accountId, position_id: positionId,
            stop_loss: stopLoss, take_profit: takeProfit,
        });
    }

    async closePosition(accountId, positionId) {
        const body = await this.write("/position/close", {
            account_id: accountId, position_id: positionId,
        });
        return { ...body, orderId: body.order_id };
    }

    async registerReconnectionCallback(callbackId) {
        return this.write("/streaming/register-reconnection-callback", { callback_id: callbackId });
    }

    async read(path) {
        const response = await this.http.get(path, { params: { environment: this.environment } });
        return response.data;
    }

    async write(path, body) {
        try {
            return (await this.http.post(path, { environment: this.environment, ...body })).data;
        } catch (error) {
            return { success: false, error: textOf(error) };
        }
    }
}

module.exports = { OldPoolClient, kindOf, textOf };
