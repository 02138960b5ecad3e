"""Print the page of the ledger: ``python -m deconv_ref.documents > docs/documents.md``."""

from deconv_ref.documents.ledger import page

if __name__ == "__main__":
    print(page(), end="")
