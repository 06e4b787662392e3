"""Start the demo on Streamlit Community Cloud, where no option can be given.

New app: this repository, this file as the main file, Python 3.12. Streamlit installs the requirements.txt
beside it, and reads .streamlit/config.toml beside it after the one in the root of the repository.
"""

import os

os.environ["AFFEKT_DEMO"] = "1"

from affekt.app.main import main

main()
