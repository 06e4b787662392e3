"""The web app: speak, see what the model hears, and how sure it is. One file a page; main.py starts it."""
