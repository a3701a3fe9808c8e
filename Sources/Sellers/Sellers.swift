// Sellers
