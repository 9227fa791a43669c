package wire

// MessageTypes is the number of types of messages.
const MessageTypes = int(typeIntroduction)
