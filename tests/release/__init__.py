"""What makes a release and proves it: built from the checkout, tried in bare environments; not part of the package."""
