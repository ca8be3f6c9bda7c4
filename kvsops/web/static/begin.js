// Before the page is painted: whether there is a link to join by, or one is to be asked for.
document.documentElement.className =
  location.hash.length > 1 || sessionStorage.getItem("link") ? "joins" : "starts";
