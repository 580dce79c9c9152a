// An old caller's day: account, positions, trades, refusals, a close, a reconnect. Run by
// test_javascript_callers.py as `node pool_walk.js NODE_FOLDER POOL_URL`; prints one JSON line per
// finished step. Before it prints "listening" it follows reconnect notices; the test cuts the link.
"use strict";
const path = require("path");
const axios = require(path.join(process.argv[2], "node_modules", "axios"));
const { OldPoolClient, kindOf, textOf } = require("./old_pool_client.js");

const url = process.argv[3];
const pool = new OldPoolClient(axios, url);
const ACCOUNT = "alpha";
const SOURCE = "40021877";

function told(step, facts = {}) {
    console.log(JSON.stringify({ step, ...facts }));
}

async function refusal(trade) {
    const answer = await pool.executeTrade(ACCOUNT, trade);
    return { success: answer.success, text: answer.error, kind: kindOf(answer.error || "") };
}

async function reconnectNotice() {
    const registered = await pool.registerReconnectionCallback("checkForMissedTrades");
    const feed = await axios.get(url + registered.events, { responseType: "stream" });
    const notice = new Promise((resolve, reject) => {
        let text = "";
        feed.data.on("error", reject);
        feed.data.on("data", (chunk) => {
            text += chunk;
            for (const block of text.split("\n\n").slice(0, -1)) {
                const line = block.split("\n").find((each) => each.startsWith("data:"));
                const event = line ? JSON.parse(line.slice(5)) : {};
                const isOurs = event.type === "reconnected" && event.accountId === ACCOUNT;
                if (isOurs) resolve(event);
            }
            text = text.slice(text.lastIndexOf("\n\n") + 2);
        });
    });
    told("listening", { delivery: registered.delivery });
    const event = await notice;
    feed.data.destroy();
    // The old callback formats the duration of the gap with toFixed, so it must be a number.
    return { account: event.accountId, seconds: event.disconnectDuration.toFixed(1) };
}

async function walk() {
    const info = await pool.getAccountInfo(ACCOUNT);
    told("account", {
        id: info.id, platform: info.platform, hasBalance: info.balance > 0,
        time: new Date(info.brokerTime).toISOString() === info.brokerTime,
    });
    told("empty", { positions: await pool.getPositions(ACCOUNT) });

    const trade = {
        symbol: "EURUSD", action: "BUY", actionType: "ORDER_TYPE_BUY", volume: 0.3,
        stopLoss: 1.08, takeProfit: 1.2, comment: `Copy_${SOURCE}_L30`,
    };
    const opened = await pool.executeTrade(ACCOUNT, trade);
    const again = await pool.executeTrade(ACCOUNT, trade);
    const positions = await pool.getPositions(ACCOUNT);
    const copy = positions.find((each) => each.comment.includes(SOURCE));
    told("traded", {
        success: opened.success, count: positions.length, isSame: again.positionId === opened.positionId,
        isFound: copy.id === opened.positionId, stopLoss: copy.stopLoss, takeProfit: copy.takeProfit,
    });
    const changed = await pool.modifyPosition(ACCOUNT, copy.id, 1.07, null);
    told("modified", { success: changed.success, takeProfit: changed.takeProfit });

    told("refused", {
        symbol: await refusal({ symbol: "NOSUCH", action: "BUY", volume: 0.1 }),
        volume: await refusal({ symbol: "EURUSD", action: "BUY", volume: 0.001 }),
        money: await refusal({ symbol: "EURUSD", action: "BUY", volume: 500 }),
        word: await refusal({ symbol: "EURUSD", action: "HOLD", volume: 0.1 }),
    });
    await pool.getAccountInfo("nobody").then(
        () => told("unknown", { status: 200 }),
        (error) => told("unknown", { status: error.response.status, text: textOf(error) }),
    );

    const order = { symbol: "EURUSD", side: "SELL", volume: 0.4, openPrice: 1.3 };
    const resting = await pool.placeLimitOrder(ACCOUNT, order);
    const cancelled = await pool.cancelOrder(ACCOUNT, Number(resting.orderId));
    told("ordered", { placed: resting.success, cancelled: cancelled.success });

    const notice = await reconnectNotice();
    told("reconnected", notice);

    const closed = await pool.closePosition(ACCOUNT, copy.id);
    const twice = await pool.closePosition(ACCOUNT, copy.id);
    told("closed", {
        success: closed.success, hasOrder: Boolean(closed.orderId), profit: typeof closed.profit,
        left: (await pool.getPositions(ACCOUNT)).length,
        again: { success: twice.success, text: twice.error, alreadyClosed: twice.alreadyClosed },
    });
}

walk().catch((error) => {
    console.error(textOf(error), error.stack);
    process.exit(1);
});
