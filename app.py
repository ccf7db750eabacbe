"""The app: page settings and navigation. Start it with `streamlit run app.py`."""

import streamlit as st

from framecast.ui.clicks import forget_clicks
from framecast.ui.navigation import navigate
from framecast.ui.page import icon

st.set_page_config(page_title="FrameCast", page_icon=icon(), layout="wide")
navigate().run()
forget_clicks()
