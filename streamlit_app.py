"""Entry point for Streamlit Community Cloud."""

from affekt.app.main import main

main()
