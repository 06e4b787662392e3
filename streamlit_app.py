"""What Streamlit Community Cloud starts: the app as it is."""

from affekt.app.main import main

main()
