// A trader's walk with @reiryoku/ctrader-layer, unmodified: run by test_other_clients.py in
// .node-layer. Takes the simulator's ready line on standard input, prints one JSON line per finished
// step, and exits 0 after the last. Node trusts what NODE_EXTRA_CA_CERTS names.
"use strict";
const fs = require("fs");
const path = require("path");
const layer = path.join(process.argv[2], "node_modules", "@reiryoku", "ctrader-layer");
const { CTraderConnection } = require(layer);

const broker = JSON.parse(fs.readFileSync(0, "utf8"));
const account = Number(broker.accounts[0].account_id);
const connection = new CTraderConnection({ host: broker.host, port: broker.protobuf_port });

const FILLED = "ORDER_FILLED";

function told(step, facts = {}) {
    console.log(JSON.stringify({ step, ...facts }));
}

function number(value) {
    return typeof value === "object" && value !== null ? Number(value.toString()) : Number(value);
}

// The layer emits events by payload type; each is kept until somebody asks for one like it.
const kept = [];
const waiting = [];
for (const name of ["ProtoOASpotEvent", "ProtoOAExecutionEvent"]) {
    connection.on(name, (event) => {
        const message = { name, ...event.descriptor };
        const index = waiting.findIndex(({ condition }) => condition(message));
        if (index >= 0) waiting.splice(index, 1)[0].resolve(message);
        else kept.push(message);
    });
}

function wait(condition) {
    const index = kept.findIndex(condition);
    if (index >= 0) return Promise.resolve(kept.splice(index, 1)[0]);
    return new Promise((resolve, reject) => {
        waiting.push({ condition, resolve });
        setTimeout(() => reject(new Error("an event did not come")), 15000).unref();
    });
}

const execution = (type) => (one) =>
    one.name === "ProtoOAExecutionEvent" && one.executionType === type;

async function walk() {
    await connection.open();
    await connection.sendCommand("ProtoOAApplicationAuthReq", {
        clientId: broker.client_id,
        clientSecret: broker.client_secret,
    });
    await connection.sendCommand("ProtoOAAccountAuthReq", {
        ctidTraderAccountId: account,
        accessToken: broker.access_token,
    });
    told("authenticated");

    const listed = await connection.sendCommand("ProtoOASymbolsListReq", {
        ctidTraderAccountId: account,
    });
    const symbolId = number(listed.symbol.find((one) => one.symbolName === "EURUSD").symbolId);
    told("symbols", { count: listed.symbol.length });

    const quote = wait((one) => one.name === "ProtoOASpotEvent");
    await connection.sendCommand("ProtoOASubscribeSpotsReq", {
        ctidTraderAccountId: account,
        symbolId: [symbolId],
    });
    const { bid, ask } = await quote;
    told("quote", { is_right: number(ask) > number(bid) && number(bid) > 0 });

    const volume = 100000;
    const filled = wait(execution(FILLED));
    await connection.sendCommand("ProtoOANewOrderReq", {
        ctidTraderAccountId: account,
        symbolId,
        orderType: 1,
        tradeSide: 1,
        volume,
    });
    const { position } = await filled;
    told("opened", { volume: number(position.tradeData.volume) });

    const closed = wait(
        (one) => execution(FILLED)(one) && one.deal && one.deal.closePositionDetail,
    );
    await connection.sendCommand("ProtoOAClosePositionReq", {
        ctidTraderAccountId: account,
        positionId: number(position.positionId),
        volume,
    });
    await closed;
    const left = await connection.sendCommand("ProtoOAReconcileReq", {
        ctidTraderAccountId: account,
    });
    told("closed", { positions: (left.position || []).length });
}

walk().then(
    () => process.exit(0),
    (error) => {
        console.error(error);
        process.exit(1);
    },
);
