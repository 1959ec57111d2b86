"""Claims of the paper, a module a section, appendix or table; the last ones are this project's own."""
