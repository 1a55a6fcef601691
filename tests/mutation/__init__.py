"""Small defects, put into a copy of the package one at a time: does a test notice?"""
