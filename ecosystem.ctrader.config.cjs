// PM2: `pm2 start ecosystem.ctrader.config.cjs`. See docs/deploy.md.
// What the gateway needs to know (CTRADER_CLIENT_ID ...) comes from the environment of that command;
// after a change: `pm2 restart ctrader-pool --update-env`.
module.exports = {
  apps: [
    {
      name: "ctrader-pool",
      cwd: __dirname,
      script: "ctrader_pool_api.py",
      interpreter: process.env.FXPOOL_PYTHON || `${__dirname}/.venv/bin/python`,
      exec_mode: "fork",
      instances: 1, // a second one on the same port cannot listen
      env: {
        CTRADER_POOL_PORT: process.env.CTRADER_POOL_PORT || "8088",
        PYTHONUNBUFFERED: "1",
      },

      autorestart: true,
      max_memory_restart: "1G",
      // Told to stop, a wrong argument, a wrong configuration: another start would not help. No
      // restart delay beside it: PM2 would show "waiting restart" for ever.
      stop_exit_codes: [0, 2, 78],
      kill_timeout: 45000, // ms; requests in flight get 35 s, closing a moment more

      out_file: "logs/ctrader-pool-out.log",
      error_file: "logs/ctrader-pool-error.log",
      log_file: "logs/ctrader-pool-combined.log",
      merge_logs: true, // else the names get a number
      time: true,
    },
  ],
};
