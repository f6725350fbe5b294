"""The web app: sources in TypeScript (``source``) and what is served, made from them (``static``)."""
