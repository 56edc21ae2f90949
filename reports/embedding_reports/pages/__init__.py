"""HTML pages: templates, styles and the little script, each page one file that opens offline."""
