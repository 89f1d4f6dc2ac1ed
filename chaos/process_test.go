package chaos

func runChild(role string) {}
