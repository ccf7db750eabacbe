"""Series: bring frames in, look at them, take a sample."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.ui import page, resources
from framecast.ui.sample_cards import sample_cards
from framecast.ui.series_list import series_list
from framecast.ui.series_view import series_view
from framecast.ui.upload import upload_box

page.header("Series", "A series is an ordered set of images of one size, evenly spaced in time. Bring yours or take a sample.")
store = resources.series_store()
stored_series = store.list()

side, main = st.columns([3, 9], gap="large")
with side:
    chosen = None
    if stored_series:
        st.subheader("Your series", anchor=False)
        chosen = series_list(stored_series)
    st.subheader("Add a series", anchor=False)
    upload_box(store)

with main:
    if chosen is None:
        st.subheader("Or begin with a sample", anchor=False)
        sample_cards(store, columns=4)
    else:
        try:
            series_view(chosen, store)
        except FrameCastError as error:
            page.refuse(error)
if chosen:
    with st.expander("Samples"):
        sample_cards(store, columns=5)
